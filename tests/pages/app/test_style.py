from streamlit.testing.v1 import AppTest


def _script() -> None:
    from pages.app import style

    style.images('  <img src="data:image/png;base64,AA==">\n  <p>caption</p>')


def test_html_that_holds_images_is_sent_as_it_is():
    # searching 100 kB of base64 for an indentation took longer than all else that a card needs
    app = AppTest.from_function(_script, default_timeout=300).run()
    assert [each.proto.body for each in app.get("html")] == [
        '  <img src="data:image/png;base64,AA==">\n  <p>caption</p>'
    ]

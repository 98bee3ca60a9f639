"""What Streamlit runs for each visit and each click."""

import sys

from pages.app.main import main

main(sys.argv[1:])

"""The references of recipes and manifests, written from the models that check them."""

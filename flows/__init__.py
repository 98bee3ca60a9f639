"""When, and with which resources: Prefect flows and tasks, and the recipe as a whole."""

"""What `twinset doctor` looks at: the machine, the installation, the network, and what a recipe needs of them."""

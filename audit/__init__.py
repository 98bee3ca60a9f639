"""Is the dataset honest? Probes that look for anything by which reals and fakes differ besides their origin."""

"""What the dataset teaches: a detector trained on the shards, its predictions and its figures."""

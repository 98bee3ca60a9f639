"""What the data is: records, chunks, splits, shards, index and cards. No torch, no prefect."""

"""What is wrong with a data set's photos and labels, before any training."""

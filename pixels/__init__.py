"""What may be done to an image: decode, orient, frame, give a JPEG history, resize, encode, hash. No torch."""

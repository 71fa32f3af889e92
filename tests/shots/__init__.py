"""What `make shots` photographs: the pages of the program over sample data."""

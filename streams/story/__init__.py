"""Messages of the topics -> what was found, as people read it: lists, and whole stories."""

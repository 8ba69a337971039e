"""The forms of other tools' files, for those who read them and those who write them."""

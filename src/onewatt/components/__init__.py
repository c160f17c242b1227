"""What one action costs, with sources; and the chips that come with onewatt."""

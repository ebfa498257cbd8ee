"""Plans under people's hands: edited, compared, kept and shared."""

"""`factory doctor`: each check does the thing itself and says what that proved."""

"""`factory doctor`: each check does the thing itself and reports what that proved."""

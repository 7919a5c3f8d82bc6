"""A recorded run, bundled and run again without the world, and compared with what was decided
then."""

"""What grids and beats carry, and where it concentrates: pure functions of values."""

"""AutoAttack (Croce and Hein, 2020): APGD, FAB and Square."""

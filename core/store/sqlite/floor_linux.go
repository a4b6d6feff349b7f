package sqlite

import "C" // for floor_linux.c

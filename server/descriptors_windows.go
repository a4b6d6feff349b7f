package server

// descriptors is how many files and sockets this process may have open: Windows
// has no limit to speak of.
func descriptors() int { return maxDescriptors }

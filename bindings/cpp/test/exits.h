// exits.h: programs that end in awkward ways.
#ifndef NIM_CPP_TEST_EXITS_H
#define NIM_CPP_TEST_EXITS_H

// Ends as argv[2] says: "return", "exit", "static" or "inside".
int RunExit(int argc, char **argv);

#endif

// Links the library through the C++ binding.
#include <cstdio>

#include "nim_cpp_api.h"

int main() { std::puts(nim::Client::GetSDKVersion().c_str()); }

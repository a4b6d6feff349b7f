/* Links the library from C. */
#include <stdio.h>

#include "nim_c_api.h"

int main(void) {
    puts(nim_client_version());
    return 0;
}

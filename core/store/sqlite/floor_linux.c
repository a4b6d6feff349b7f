// SQLite asks for names that glibc has had since 2.28, 2.29 and 2.33 only. For
// the library, which runs on glibc 2.17 (build/library.sh), they are defined
// here by what glibc had before. They are hidden: nobody else gets them.
#ifdef NIM_GLIBC_FLOOR
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#define HIDDEN __attribute__((visibility("hidden")))

// The version of struct stat that these functions are told.
#ifdef __x86_64__
enum { stat_version = 1 };
#else
enum { stat_version = 0 };
#endif

int __xstat64(int version, const char *path, void *out);
int __lxstat64(int version, const char *path, void *out);
int __fxstat64(int version, int fd, void *out);

HIDDEN int nim_stat64(const char *path, void *out) __asm__("stat64");
HIDDEN int nim_lstat64(const char *path, void *out) __asm__("lstat64");
HIDDEN int nim_fstat64(int fd, void *out) __asm__("fstat64");

int nim_stat64(const char *path, void *out) { return __xstat64(stat_version, path, out); }
int nim_lstat64(const char *path, void *out) { return __lxstat64(stat_version, path, out); }
int nim_fstat64(int fd, void *out) { return __fxstat64(stat_version, fd, out); }

int nim_old_fcntl(int fd, int command, ...) __asm__("fcntl");
HIDDEN int nim_fcntl64(int fd, int command, ...) __asm__("fcntl64");

// Where off_t has 64 bits, fcntl is what fcntl64 is.
int nim_fcntl64(int fd, int command, ...) {
	va_list rest;
	va_start(rest, command);
	void *argument = va_arg(rest, void *);
	va_end(rest);
	return nim_old_fcntl(fd, command, argument);
}

HIDDEN double nim_log(double x) __asm__("log");

// FTS5 ranks with it. The library does not rank, so this need not be fast; it
// also spares the library libm. For x = m * 2^e with m about 1:
// ln x = e ln 2 + 2 artanh((m - 1) / (m + 1)).
double nim_log(double x) {
	uint64_t bits;
	memcpy(&bits, &x, sizeof bits);
	if (!(x > 0)) return x == 0 ? -__builtin_inf() : __builtin_nan("");
	int exponent = (int)(bits >> 52) - 1023;
	if (exponent == 1024) return x;                                 // infinity
	if (exponent == -1023) return nim_log(x * 0x1p54) - 54 * 0x1.62e42fefa39efp-1; // subnormal
	bits = (bits & ((UINT64_C(1) << 52) - 1)) | UINT64_C(1023) << 52;
	double m;
	memcpy(&m, &bits, sizeof m);
	if (m > 1.4142135623730951) {
		m /= 2;
		exponent++;
	}
	double z = (m - 1) / (m + 1), power = z, sum = 0;
	for (int i = 1; i < 40; i += 2) {
		sum += power / i;
		power *= z * z;
	}
	return exponent * 0x1.62e42fefa39efp-1 + 2 * sum;
}
#endif

/* Replaces the header that CMake would write. */
#define BUILD  "portcullis"
#define PACKAGE_NAME  "libjpeg-turbo"
#define VERSION  "3.1.0"
#define SIZEOF_SIZE_T  4
#define HIDDEN
#define INLINE  inline
#define THREAD_LOCAL
#define FALLTHROUGH  __attribute__((fallthrough));
#undef WITH_SIMD

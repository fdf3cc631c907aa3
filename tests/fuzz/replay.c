/* SPDX-License-Identifier: Apache-2.0
 *
 * Replays a fuzz target's corpus as a plain test: every file of the folder,
 * then each file cut short at every length, then each file with a few bits
 * flipped. The random numbers start from a fixed seed, so that a failure is
 * the same failure next time. Needs no fuzzing engine; a build with libFuzzer
 * links that in the place of this file (see README.md).
 *
 *   fuzz_rtp CORPUS-FOLDER|FILE...
 */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MAX_FILE_BYTES 65536
#define MUTATIONS      400 /* for each file */

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static uint64_t random_state = 0x9e3779b97f4a7c15;
static unsigned long runs;

/* xorshift64. */
static uint64_t
next_random (void)
{
  random_state ^= random_state << 13;
  random_state ^= random_state >> 7;
  random_state ^= random_state << 17;
  return random_state;
}

/* Each run gets memory of just its size, so that AddressSanitizer sees a
 * read of one byte too many. */
static void
run (const uint8_t *data, size_t size, unsigned flips)
{
  uint8_t *copy = malloc (size ? size : 1);
  if (!copy)
    abort ();
  memcpy (copy, data, size);
  for (unsigned i = 0; i < flips && size > 0; i++) {
    size_t at = next_random () % size;
    copy[at] ^= (uint8_t)(1u << (next_random () % 8));
  }
  LLVMFuzzerTestOneInput (copy, size);
  free (copy);
  runs++;
}

static void
replay (const uint8_t *data, size_t size)
{
  /* Big seeds in bigger steps: the interesting cuts are in the headers. */
  size_t step = size / 4096 + 1;

  run (data, size, 0);
  for (size_t cut = 0; cut < size; cut += cut < 256 ? 1 : step)
    run (data, cut, 0);
  for (unsigned i = 0; i < MUTATIONS; i++)
    run (data, size, 1 + i % 8);
}

static int
replay_file (const char *path)
{
  FILE *file = fopen (path, "rb");
  uint8_t *data = malloc (MAX_FILE_BYTES);
  if (!file || !data) {
    fprintf (stderr, "%s: %s\n", path, strerror (errno));
    if (file)
      fclose (file);
    free (data);
    return 0;
  }
  size_t size = fread (data, 1, MAX_FILE_BYTES, file);
  int failed = ferror (file);
  fclose (file);
  if (failed)
    fprintf (stderr, "%s: can't be read\n", path);
  else
    replay (data, size);
  free (data);
  return !failed;
}

static int
is_file_name (const struct dirent *entry)
{
  return entry->d_name[0] != '.';
}

static int
replay_folder (const char *path)
{
  struct dirent **entries = NULL;
  int n = scandir (path, &entries, is_file_name, alphasort);
  int ok = n > 0;
  if (n < 0)
    fprintf (stderr, "%s: %s\n", path, strerror (errno));
  else if (n == 0)
    fprintf (stderr, "%s: no seeds in this folder\n", path);
  for (int i = 0; i < n; i++) {
    char name[4096];
    int length
        = snprintf (name, sizeof name, "%s/%s", path, entries[i]->d_name);
    if (length < 0 || (size_t)length >= sizeof name || !replay_file (name))
      ok = 0;
    free (entries[i]);
  }
  free (entries);
  return ok;
}

int
main (int argc, char **argv)
{
  int ok = argc > 1;
  if (argc < 2)
    fprintf (stderr, "usage: %s CORPUS-FOLDER|FILE...\n", argv[0]);
  for (int i = 1; i < argc; i++) {
    struct stat info;
    int is_folder = stat (argv[i], &info) == 0 && S_ISDIR (info.st_mode);
    if (!(is_folder ? replay_folder (argv[i]) : replay_file (argv[i])))
      ok = 0;
  }
  printf ("%lu inputs\n", runs);
  return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}

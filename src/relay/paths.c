/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/paths.h"

void
bl_paths_init (BlPaths *paths, BlTime patience_us)
{
  *paths = (BlPaths){ .patience_us = patience_us };
}

const BlPath *
bl_paths_chosen (const BlPaths *paths)
{
  return paths->n > 0 ? &paths->known[paths->chosen].path : NULL;
}

/* Its place, or n. */
static unsigned
find (const BlPaths *paths, const BlAddress *peer)
{
  unsigned i = 0;
  while (i < paths->n && !bl_address_equal (&paths->known[i].path.peer, peer))
    i++;
  return i;
}

static unsigned
longest_silent (const BlPaths *paths)
{
  unsigned oldest = paths->chosen == 0 ? 1 : 0;
  for (unsigned i = 0; i < paths->n; i++)
    if (i != paths->chosen
        && paths->known[i].heard_us < paths->known[oldest].heard_us)
      oldest = i;
  return oldest;
}

static void
hear (BlPaths *paths, unsigned at, BlTime now)
{
  BlTime silent_us = now - paths->known[paths->chosen].heard_us;
  paths->known[at].heard_us = now;
  if (silent_us > paths->patience_us)
    paths->chosen = at;
}

void
bl_paths_hear (BlPaths *paths, const BlAddress *peer, BlTime now)
{
  unsigned at = find (paths, peer);
  if (at < paths->n)
    hear (paths, at, now);
}

BlPathsProof
bl_paths_prove (BlPaths *paths, const BlPath *path, bool nominated, BlTime now,
                BlAddress *out_old)
{
  BlPathsProof proof = BL_PATHS_KNOWN;
  unsigned at = find (paths, &path->peer);
  if (at == BL_PATHS_MAX) {
    at = longest_silent (paths);
    *out_old = paths->known[at].path.peer;
    proof = BL_PATHS_NEW_FOR_OLD;
  } else if (at == paths->n) {
    paths->n++;
    paths->known[at].heard_us = now;
    proof = BL_PATHS_NEW;
  }
  /* Our end of it may have changed, too. */
  paths->known[at].path = *path;
  hear (paths, at, now);
  if (nominated)
    paths->chosen = at;
  return proof;
}

void
bl_paths_forget (BlPaths *paths, const BlAddress *peer)
{
  unsigned at = find (paths, peer);
  if (at == paths->n)
    return;
  unsigned last = --paths->n;
  paths->known[at] = paths->known[last];
  if (paths->chosen == at)
    paths->chosen = 0;
  else if (paths->chosen == last)
    paths->chosen = at;
}

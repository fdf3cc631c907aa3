/* SPDX-License-Identifier: Apache-2.0
 *
 * Every network at once: the paths of an uplink, one for each network
 * interface, each with an ICE agent of its own (uplink_path.h) but all under
 * the same ufrag and password, so that they are one session to the relay.
 *
 * Paths have numbers from 0 on, which stay theirs as long as their interface is
 * there. Interfaces that appear later get a path without a word to the relay:
 * an ICE-lite one answers whoever knows its password. A path that falls silent
 * is knocked at by checks of our own, and after a while an agent of its own is
 * set up beside it, until it is heard again or its interface goes.
 *
 * Invariants: an interface has at most one path that carries packets and one
 * that is being set up to take its place; what is being set up never disturbs
 * what carries packets.
 *
 * Main context and callbacks as in uplink.h.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "base/bltime.h"
#include "signal/candidate.h"
#include "vehicle/uplink.h"

typedef struct BlUplinkPaths BlUplinkPaths;

typedef struct {
  /* May be changed in place; not kept. */
  void (*packet) (unsigned path, guint8 *data, gsize length,
                  gpointer user_data);
  /* It works: for the first time, or with a new agent. */
  void (*ready) (unsigned path, gpointer user_data);
  /* Its interface is gone. */
  void (*gone) (unsigned path, gpointer user_data);
  /* None of those that were set up by bl_uplink_paths_gather() works. */
  void (*failed) (gpointer user_data);
  void (*candidate) (const BlCandidate *candidate, gpointer user_data);
  void (*gathered) (gpointer user_data);
} BlUplinkPathsCallbacks;

/* `options` are borrowed for the object's life. */
BlUplinkPaths *bl_uplink_paths_new (const BlUplinkOptions *options,
                                    const BlUplinkPathsCallbacks *callbacks,
                                    gpointer user_data);
/* Accepts NULL. */
void bl_uplink_paths_free (BlUplinkPaths *paths);

/* Under new credentials, an agent on each interface that is up and wanted. Host
 * candidates are there when it returns, without callbacks. The error names the
 * interfaces that were wanted and are not there. */
gboolean bl_uplink_paths_gather (BlUplinkPaths *paths, GError **error);

/* Of the last bl_uplink_paths_gather(). */
const char *bl_uplink_paths_ufrag (const BlUplinkPaths *paths);
const char *bl_uplink_paths_pwd (const BlUplinkPaths *paths);
const BlCandidate *bl_uplink_paths_candidates (const BlUplinkPaths *paths,
                                               gsize *out_count);
bool bl_uplink_paths_is_gathered (const BlUplinkPaths *paths);

/* Servers learnt since: TURN servers are asked at once, all count for the paths
 * to come. Copies. */
void bl_uplink_paths_add_servers (BlUplinkPaths *paths,
                                  const GPtrArray *servers);

/* Begins the checks of those being set up; copies. False: none of the
 * candidates is of use. */
bool bl_uplink_paths_connect (BlUplinkPaths *paths, const char *ufrag,
                              const char *pwd, const BlCandidate *candidates,
                              gsize n_candidates);

/* What is being set up is given up. */
void bl_uplink_paths_cancel (BlUplinkPaths *paths);

/* Interfaces have come or gone. */
void bl_uplink_paths_follow_interfaces (BlUplinkPaths *paths);

/* Something authentic came over it. */
void bl_uplink_paths_hear (BlUplinkPaths *paths, unsigned path, BlTime now);

/* The one that was heard last; any number if there is none. */
unsigned bl_uplink_paths_freshest (const BlUplinkPaths *paths);

/* When that was; 0: never. */
BlTime bl_uplink_paths_heard_us (const BlUplinkPaths *paths);

/* Knocks at silent paths. Call about every 50 ms while there is a session. */
void bl_uplink_paths_on_time (BlUplinkPaths *paths, BlTime now);

/* A bit for each path that works and whose other end still wants what we send
 * (RFC 7675). */
unsigned bl_uplink_paths_consenting (const BlUplinkPaths *paths, BlTime now);

/* As bl_uplink_path_mark(); nothing if there is no such path. */
void bl_uplink_paths_mark (BlUplinkPaths *paths, unsigned path, bool mark);

/* False: there is no such path, or it could not be sent now. */
bool bl_uplink_paths_send (BlUplinkPaths *paths, unsigned path,
                           const guint8 *data, gsize length);

/* The interfaces in the order in which a connection to the relay is best tried:
 * those that are heard, the last one first; then "", which is whatever the
 * routes prefer; then all others. Where there are not two, "" alone. Free with
 * g_strfreev. */
char **bl_uplink_paths_networks (const BlUplinkPaths *paths, BlTime now);

/* The interface's name; NULL if there is none. */
const char *bl_uplink_paths_interface (const BlUplinkPaths *paths,
                                       unsigned path);

/* "wwan0: host 192.0.2.1:50000 to host 198.51.100.2:50000; eth0: …". Free with
 * g_free. */
char *bl_uplink_paths_describe (const BlUplinkPaths *paths);

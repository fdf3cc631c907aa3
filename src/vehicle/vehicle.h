/* SPDX-License-Identifier: Apache-2.0
 *
 * The vehicle as a whole: capture, call, session and the crew's page, tied
 * together. All in one main context; packets leave from it, so nothing that
 * blocks may run there.
 */
#pragma once

#include "vehicle/options.h"

typedef struct BlVehicle BlVehicle;

typedef struct {
  /* The call has ended: `refused` says why if it never came about, else it
   * was hung up and `refused` is NULL. */
  void (*ended) (const char *refused, gpointer user_data);
} BlVehicleCallbacks;

/* Everything that can be wrong without a call is found out here. `options` and
 * `callbacks` are borrowed for the object's life. */
BlVehicle *bl_vehicle_new (const BlVehicleOptions *options,
                           const BlVehicleCallbacks *callbacks,
                           gpointer user_data, GError **error);

/* Without hanging up: the call can be resumed. Accepts NULL. */
void bl_vehicle_free (BlVehicle *vehicle);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BlVehicle, bl_vehicle_free)

/* Takes up the call that the state folder names, if there is one. */
gboolean bl_vehicle_resume (BlVehicle *vehicle);

/* Starts a call; no effect if one to this ED is on. FALSE and a sentence. */
gboolean bl_vehicle_call (BlVehicle *vehicle, const char *ed, GError **error);

/* Hangs up; `ended` runs when the relay knows, or after two seconds. FALSE if
 * there is no call. */
gboolean bl_vehicle_hang_up (BlVehicle *vehicle);

/* Of the crew's page; 0 if there is none. */
guint16 bl_vehicle_kiosk_port (const BlVehicle *vehicle);

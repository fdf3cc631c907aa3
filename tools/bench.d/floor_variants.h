/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "floor.h"

/* [0] is the base. */
extern const FloorVariant floor_variants[];
extern const unsigned floor_n_variants;

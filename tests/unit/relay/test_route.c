/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/route.h"

#include "suite.h"

static void
handler (BlRequest *request)
{
}

static const BlRoute routes[] = {
  { .method = "GET",
    .path = "/",
    .roles = BL_ROLE_ANYBODY,
    .doors = BL_DOORS_PEOPLE,
    .handler = handler },
  { .method = "GET",
    .path = "/app/*",
    .roles = BL_ROLE_ANYBODY,
    .doors = BL_DOORS_PEOPLE,
    .handler = handler },
  { .method = "POST",
    .path = "/whip/{ed}",
    .roles = BL_ROLE_VEHICLE,
    .doors = BL_DOOR_VEHICLE,
    .cors = TRUE,
    .handler = handler },
  { .method = "PATCH",
    .path = "/session/{id}",
    .roles = BL_ROLE_VEHICLE,
    .doors = BL_DOORS_ALL,
    .handler = handler },
  { .method = "DELETE",
    .path = "/session/{id}",
    .roles = BL_ROLE_VEHICLE,
    .doors = BL_DOORS_ALL,
    .handler = handler },
  { .method = "GET",
    .path = "/r/{id}/parts/{n}",
    .roles = BL_ROLE_IT,
    .doors = BL_DOOR_MAIN,
    .handler = handler },
};

static const struct {
  BlDoor door;
  const char *method, *path;
  BlRouteResult result;
  int route; /* index, if found */
  const char *arg0, *arg1, *allow;
} rows[] = {
  { BL_DOOR_MAIN, "GET", "/", BL_ROUTE_FOUND, 0, "", "", "GET, HEAD" },
  { BL_DOOR_MAIN, "HEAD", "/", BL_ROUTE_FOUND, 0, "", "", "GET, HEAD" },
  { BL_DOOR_MAIN, "get", "/", BL_ROUTE_NO_METHOD, 0, "", "", "GET, HEAD" },
  { BL_DOOR_MAIN, "POST", "/", BL_ROUTE_NO_METHOD, 0, "", "", "GET, HEAD" },
  { BL_DOOR_VEHICLE, "GET", "/", BL_ROUTE_NO_PATH, 0, "", "", "" },
  { BL_DOOR_MAIN, "GET", "/app/a/b.js", BL_ROUTE_FOUND, 1, "a/b.js", "",
    "GET, HEAD" },
  { BL_DOOR_MAIN, "GET", "/app/", BL_ROUTE_NO_PATH, 0, "", "", "" },
  { BL_DOOR_VEHICLE, "POST", "/whip/north/", BL_ROUTE_FOUND, 2, "north", "",
    "POST, OPTIONS" },
  { BL_DOOR_VEHICLE, "POST", "/whip/north//", BL_ROUTE_NO_PATH, 0, "", "", "" },
  { BL_DOOR_VEHICLE, "POST", "/whip/north", BL_ROUTE_FOUND, 2, "north", "",
    "POST, OPTIONS" },
  { BL_DOOR_VEHICLE, "GET", "/whip/north", BL_ROUTE_NO_METHOD, 0, "", "",
    "POST, OPTIONS" },
  { BL_DOOR_MAIN, "POST", "/whip/north", BL_ROUTE_NO_PATH, 0, "", "", "" },
  { BL_DOOR_VEHICLE, "POST", "/whip/", BL_ROUTE_NO_PATH, 0, "", "", "" },
  { BL_DOOR_VEHICLE, "POST", "/whip", BL_ROUTE_NO_PATH, 0, "", "", "" },
  { BL_DOOR_VEHICLE, "POST", "/whip/north/x", BL_ROUTE_NO_PATH, 0, "", "", "" },
  { BL_DOOR_MAIN, "DELETE", "/session/x-_9", BL_ROUTE_FOUND, 4, "x-_9", "",
    "PATCH, DELETE" },
  { BL_DOOR_MAIN, "PUT", "/session/x", BL_ROUTE_NO_METHOD, 0, "", "",
    "PATCH, DELETE" },
  { BL_DOOR_MAIN, "GET", "/r/7/parts/12", BL_ROUTE_FOUND, 5, "7", "12",
    "GET, HEAD" },
  { BL_DOOR_MAIN, "GET", "/r//parts/12", BL_ROUTE_NO_PATH, 0, "", "", "" },
  { BL_DOOR_MAIN, "GET", "/r/7/parts/", BL_ROUTE_NO_PATH, 0, "", "", "" },
  { BL_DOOR_MAIN, "GET", "", BL_ROUTE_NO_PATH, 0, "", "", "" },
  { BL_DOOR_MAIN, "GET", "*", BL_ROUTE_NO_PATH, 0, "", "", "" },
};

START_TEST (a_route_is_found_by_door_method_and_path)
{
  BlRouteMatch match;
  BlRouteResult result
      = bl_route_find (routes, G_N_ELEMENTS (routes), rows[_i].door,
                       rows[_i].method, rows[_i].path, &match);
  ck_assert_int_eq (result, rows[_i].result);
  ck_assert_str_eq (match.allow, rows[_i].allow);
  ck_assert_str_eq (match.args[0], rows[_i].arg0);
  ck_assert_str_eq (match.args[1], rows[_i].arg1);
  if (result == BL_ROUTE_FOUND)
    ck_assert_ptr_eq (match.route, &routes[rows[_i].route]);
  else
    ck_assert_ptr_null (match.route);
}
END_TEST

START_TEST (an_argument_longer_than_its_bound_is_no_path)
{
  BlRouteMatch match;
  g_autofree char *most = g_strnfill (BL_ROUTE_ARG_BYTES - 1, 'a');
  g_autofree char *fits = g_strconcat ("/session/", most, NULL);
  g_autofree char *more = g_strconcat ("/session/", most, "a", NULL);
  ck_assert_int_eq (bl_route_find (routes, G_N_ELEMENTS (routes), BL_DOOR_MAIN,
                                   "PATCH", fits, &match),
                    BL_ROUTE_FOUND);
  ck_assert_int_eq (bl_route_find (routes, G_N_ELEMENTS (routes), BL_DOOR_MAIN,
                                   "PATCH", more, &match),
                    BL_ROUTE_NO_PATH);
}
END_TEST

int
main (void)
{
  const SuiteTest tests[] = {
    { a_route_is_found_by_door_method_and_path, G_N_ELEMENTS (rows) },
    { an_argument_longer_than_its_bound_is_no_path, 0 },
  };
  return run_table ("relay/route", tests, G_N_ELEMENTS (tests), NULL, NULL);
}

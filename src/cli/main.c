/* SPDX-License-Identifier: Apache-2.0 */
#include <locale.h>

#include "cli/cli.h"

int
main (int argc, char **argv)
{
  setlocale (LC_ALL, "");
  return bl_cli_run (argc, argv, stdin, stdout, stderr);
}

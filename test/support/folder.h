/* test/support/folder.h - an empty folder for one test case, below $WW_TEST_TMP or /tmp. */
#pragma once

enum { TEST_PATH_MAX = 512 };

void test_folder_make(char path[TEST_PATH_MAX]);
void test_folder_remove(const char *path); /* with all that is in it */

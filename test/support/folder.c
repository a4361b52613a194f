#include "support/folder.h"
#include "support/check.h"
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>

void test_folder_make(char path[TEST_PATH_MAX])
{
    const char *base = getenv("WW_TEST_TMP");
    snprintf(path, TEST_PATH_MAX, "%s/case-XXXXXX", base ? base : "/tmp");
    assert_non_null(mkdtemp(path));
}

static int remove_entry(const char *path, const struct stat *st, int kind, struct FTW *where)
{
    (void)st, (void)kind, (void)where;
    return remove(path);
}

void test_folder_remove(const char *path)
{
    assert_int_equal(nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS), 0);
}

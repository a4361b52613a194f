#include "cap/grant.h"

void ww_grant_init(ww_grant *grant, const ww_authority *authority)
{
    *grant = (ww_grant){.authority = authority, .generation = authority->generation};
}

void ww_grant_attenuate(ww_grant *grant, const ww_grant *other)
{
    for (size_t i = 0; i < WW_GRANT_WORDS; i++)
        grant->functions[i] &= other->functions[i];
}

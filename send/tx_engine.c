/* Which engines there are, and which one "auto" means. */
#include "tx_engine.h"

/* Which engines there are, and which one "auto" means. */
#include "rx_engine.h"

/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: spead-info lists every engine of the library whose endpoints can be given as text. Method: the test compares
 * the output of the built program with the lists of the library. */
#include <criterion/criterion.h>

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include <speadline/recv.h>
#include <speadline/send.h>

#include "engine_text.h"
#include "program.h"
#include "tool_engines.h"

static json_t *object;

static void ask(void)
{
    struct program program = {0};
    char *printed;

    program_start(&program, SPEAD_INFO, "engines --json");
    cr_assert_eq(program_wait(&program), 0);
    printed = program_out(&program);
    object = json_loads(printed, 0, NULL);
    cr_assert_not_null(object, "%s", printed);
    free(printed);
    program_release(&program);
}

TestSuite(info_engines, .init = ask, .timeout = 60);

static const json_t *told_of(const char *name)
{
    const json_t *engines = json_object_get(object, "engines");

    for (size_t i = 0; i < json_array_size(engines); i++) {
        const json_t *engine = json_array_get(engines, i);

        if (strcmp(json_string_value(json_object_get(engine, "name")), name) == 0)
            return engine;
    }
    return NULL;
}

static void expect_told(tool_engine_info_fn *info,
                        int (*usable)(const char *name, struct spead_err *err))
{
    struct spead_engine_info engine = SPEAD_ENGINE_INFO_INIT;
    struct spead_err err;

    for (uint32_t i = 0; info(i, &engine) == 0; i++) {
        const json_t *told = told_of(engine.name);

        if (engine.endpoint == SPEAD_ENDPOINT_MEM_LINK) {
            cr_expect_null(told, "%s cannot be typed", engine.name);
            continue;
        }
        cr_assert_not_null(told, "%s", engine.name);
        cr_expect_eq(json_is_true(json_object_get(told, "usable")), usable(engine.name, &err) == 0,
                     "%s", engine.name);
        cr_expect_eq(json_string_length(json_object_get(told, "reason")) == 0,
                     json_is_true(json_object_get(told, "usable")), "%s", engine.name);
    }
}

Test(info_engines, each_of_the_library_is_told_with_its_reason)
{
    expect_told(spead_recv_engine_info, spead_recv_engine_usable);
    expect_told(spead_send_engine_info, spead_send_engine_usable);
    json_decref(object);
}

/* A library can be built for memory links alone. */
Test(info_engines, where_there_is_none_a_sentence_says_so)
{
    static const struct survey none;
    char *text = NULL;
    size_t bytes = 0;
    FILE *to = open_memstream(&text, &bytes);

    cr_assert_not_null(to);
    survey_print(to, &none);
    fclose(to);
    cr_expect_not_null(strstr(text, "built without an engine for UDP"), "%s", text);
    free(text);
    json_decref(object);
}

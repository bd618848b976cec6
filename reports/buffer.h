/*
 * A growing buffer of text that renderers write into, and the three ways in
 * which text from outside becomes harmless in a report: on a terminal, in
 * HTML and in JSON. Names of workflows, steps and files are untrusted: a
 * control character, a change of writing direction or a byte that is not
 * UTF-8 is made visible and never passed through.
 *
 * Out of memory is remembered; all later writes do nothing, and the buffer is
 * no longer ok.
 */
#ifndef REPORTS_BUFFER_H
#define REPORTS_BUFFER_H

#include <stddef.h>
#include <stdint.h>

struct report_buffer {
    char *text; /* always ends with a 0 beyond size, once written to */
    size_t size;
    size_t capacity;
    int failed;
};

void report_buffer_init(struct report_buffer *buffer);
void report_buffer_free(struct report_buffer *buffer);
static inline int report_buffer_ok(const struct report_buffer *buffer)
{
    return !buffer->failed;
}

/* Appends bytes, a string, or formatted text as they are: trusted text. */
void report_buffer_bytes(struct report_buffer *buffer, const void *bytes,
                         size_t size);
void report_buffer_put(struct report_buffer *buffer, const char *text);
void report_buffer_print(struct report_buffer *buffer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Takes off what is left of a last character that was cut through, in place:
   after snprintf() into an array that may have been too short. */
void report_buffer_trim(char *text);

/*
 * Appends untrusted text for a terminal, at most columns code points of it
 * (a cut is shown by an ellipsis); what could steer a terminal appears as
 * \u{1b} or \x{ff}. Returns the columns used.
 */
size_t report_buffer_plain(struct report_buffer *buffer, const char *text,
                           size_t columns);
/* The same for HTML, inside an element or a quoted attribute. */
size_t report_buffer_html(struct report_buffer *buffer, const char *text,
                          size_t columns);
/* Untrusted text as a JSON string with its quotes; valid UTF-8 is kept. */
void report_buffer_json(struct report_buffer *buffer, const char *text,
                        size_t size);

#endif

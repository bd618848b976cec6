/*
 * What every HTML report has in common: the head of the document up to the
 * title's text, and from there to the body, with the style sheet. No script,
 * no font, no image: the policy in the head forbids them all.
 */
#ifndef REPORTS_PAGE_H
#define REPORTS_PAGE_H

extern const char report_page_head[];     /* up to the policy's end */
extern const char report_page_title[];    /* and from there to the title */
extern const char report_page_style[];    /* to be followed by the last */
extern const char report_page_sections[]; /* between them: contents, cells */
extern const char report_page_plots[];
extern const char report_page_charts[];

#endif

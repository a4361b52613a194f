/* The product of two matrices: panels of the right one are copied together, so that the inner loop
 * reads straight ahead, and tiles of the result stay in registers. */
#include "dataflow/tensor.h"

enum { TILE_ROWS = 6, TILE_COLUMNS = 16, PANEL_ROWS = 256, LANES = 8 /* in 32 bytes */ };

/* The alignment is said because it would depend on the instructions a function is compiled for. */
typedef float lanes __attribute__((vector_size(32), aligned(32)));
typedef lanes tile[TILE_ROWS][TILE_COLUMNS / LANES];

/* Up to 256 rows and 16 columns of the right matrix, times alpha; what is beyond its edge is 0. */
typedef struct panel {
    _Alignas(32) float items[PANEL_ROWS][TILE_COLUMNS];
    uint32_t rows;
} panel;

static void fill_panel(panel *restrict out, const df_product *p, uint32_t row, uint32_t column)
{
    uint32_t wide = p->n - column < TILE_COLUMNS ? p->n - column : TILE_COLUMNS;
    uint32_t rows = p->k - row < PANEL_ROWS ? p->k - row : PANEL_ROWS;
    size_t b_row = p->b_row, b_column = p->b_column;
    const float *restrict from = p->b + row * b_row + column * b_column;
    float alpha = p->alpha;
    out->rows = rows;
    for (uint32_t k = 0; k < rows; k++, from += b_row) {
        if (wide == TILE_COLUMNS && b_column == 1)
            for (uint32_t j = 0; j < TILE_COLUMNS; j++)
                out->items[k][j] = alpha * from[j];
        else
            for (uint32_t j = 0; j < TILE_COLUMNS; j++)
                out->items[k][j] = j < wide ? alpha * from[j * b_column] : 0;
    }
}

/* Rows of `a` that are not there are read as the last one; nobody looks at what comes of them. */
static inline __attribute__((always_inline)) void
multiply_tile(tile *sum, const panel *b, const float *const a[TILE_ROWS], uint32_t a_column)
{
    lanes s[TILE_ROWS][2] = {0};
    for (uint32_t k = 0; k < b->rows; k++) {
        const lanes *row = (const lanes *)b->items[k];
        lanes left = row[0], right = row[1];
        for (int i = 0; i < TILE_ROWS; i++) {
            float factor = a[i][(size_t)k * a_column];
            s[i][0] += factor * left;
            s[i][1] += factor * right;
        }
    }
    memcpy(sum, s, sizeof s);
}

static void multiply_tile_anywhere(tile *sum, const panel *b, const float *const a[TILE_ROWS],
                                   uint32_t a_column)
{
    multiply_tile(sum, b, a, a_column);
}

#if defined(__x86_64__)
__attribute__((target("avx2,fma"))) static void
multiply_tile_avx2(tile *sum, const panel *b, const float *const a[TILE_ROWS], uint32_t a_column)
{
    multiply_tile(sum, b, a, a_column);
}
#endif

typedef void tile_fn(tile *sum, const panel *b, const float *const a[TILE_ROWS], uint32_t a_column);

static tile_fn *best_tile(void)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return multiply_tile_avx2;
#endif
    return multiply_tile_anywhere;
}

static void add_tile(const df_product *p, const tile *sum, uint32_t row, uint32_t column)
{
    const float *restrict from = (const float *)*sum;
    uint32_t n = p->n, wide = n - column < TILE_COLUMNS ? n - column : TILE_COLUMNS;
    uint32_t rows = p->m - row < TILE_ROWS ? p->m - row : TILE_ROWS;
    float *restrict to = p->c + (size_t)row * n + column;
    for (uint32_t i = 0; i < rows; i++, to += n, from += TILE_COLUMNS)
        for (uint32_t j = 0; j < wide; j++)
            to[j] += from[j];
}

static void multiply_panel(const df_product *p, const panel *b, uint32_t k, uint32_t column,
                           tile_fn *multiply)
{
    for (uint32_t row = 0; row < p->m; row += TILE_ROWS) {
        tile sum;
        const float *a[TILE_ROWS];
        for (uint32_t i = 0; i < TILE_ROWS; i++) {
            uint32_t there = row + i < p->m ? row + i : p->m - 1;
            a[i] = p->a + (size_t)there * p->a_row + (size_t)k * p->a_column;
        }
        multiply(&sum, b, a, p->a_column);
        add_tile(p, &sum, row, column);
    }
}

/* For few rows: the copies would cost more than they save. */
static void multiply_rows(const df_product *p)
{
    uint32_t n = p->n, count = p->k;
    for (uint32_t i = 0; i < p->m; i++) {
        float *restrict row = p->c + (size_t)i * n;
        for (uint32_t k = 0; k < count; k++) {
            float factor = p->alpha * p->a[(size_t)i * p->a_row + (size_t)k * p->a_column];
            const float *restrict b = p->b + (size_t)k * p->b_row;
            for (uint32_t j = 0; j < n; j++)
                row[j] += factor * b[j];
        }
    }
}

/* Of whole tiles, as they are computed: 32 products in a step, and what is read for them. */
uint64_t df_multiply_work(uint32_t m, uint32_t n, uint32_t k)
{
    enum { PRODUCTS_IN_STEP = 32 };
    uint64_t rows = (uint64_t)(m + TILE_ROWS - 1) / TILE_ROWS * TILE_ROWS;
    uint64_t columns = (uint64_t)(n + TILE_COLUMNS - 1) / TILE_COLUMNS * TILE_COLUMNS;
    uint64_t read = df_work_both(df_work(m, k), df_work(k, n));
    return df_work_both(df_work(df_work(rows, columns), k) / PRODUCTS_IN_STEP, read);
}

void df_multiply(const df_product *p)
{
    enum { FEW_ROWS = 3 };
    if (p->m <= FEW_ROWS && p->b_column == 1) {
        multiply_rows(p);
        return;
    }
    tile_fn *multiply = best_tile();
    panel b;
    for (uint32_t column = 0; column < p->n; column += TILE_COLUMNS)
        for (uint32_t k = 0; k < p->k; k += PANEL_ROWS) {
            fill_panel(&b, p, k, column);
            multiply_panel(p, &b, k, column, multiply);
        }
}

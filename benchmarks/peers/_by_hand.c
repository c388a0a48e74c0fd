/* The tutorial's training step by hand: 3-4-2, relu and softmax, crossentropy, rmsprop, accuracy.

   Rows are gathered through the epoch's order, as the other peers' are. Sums over the batch are
   kept in registers by the compiler; no library is used. */

#include <math.h>
#include <stdint.h>

enum { I = 3, H = 4, O = 2, B = 8 };

typedef struct {
    float w1[I * H], b1[H], w2[H * O], b2[O];     /* weights */
    float v1[I * H], c1[H], v2[H * O], c2[O];     /* means of the squares of the slopes */
    float loss, hits;                             /* sums since the start of the epoch */
} state;

static void update(float *w, float *v, const float *g, int n) {
    for (int i = 0; i < n; i++) {
        v[i] = 0.9f * v[i] + 0.1f * g[i] * g[i];
        w[i] -= 0.001f * g[i] / sqrtf(v[i] + 1e-7f);
    }
}

static void step(state *s, const float *x, const float *y, const int32_t *rows) {
    float g1[I * H] = {0}, d1[H] = {0}, g2[H * O] = {0}, d2[O] = {0};
    for (int r = 0; r < B; r++) {
        const float *a = x + I * rows[r], *t = y + O * rows[r];
        float h[H], p[O], dz[O], most, sum = 0;
        for (int j = 0; j < H; j++) {
            float z = s->b1[j];
            for (int i = 0; i < I; i++) z += a[i] * s->w1[i * H + j];
            h[j] = z > 0 ? z : 0;
        }
        for (int k = 0; k < O; k++) {
            p[k] = s->b2[k];
            for (int j = 0; j < H; j++) p[k] += h[j] * s->w2[j * O + k];
        }
        most = p[0] > p[1] ? p[0] : p[1];
        for (int k = 0; k < O; k++) sum += p[k] = expf(p[k] - most);
        for (int k = 0; k < O; k++) {
            p[k] /= sum;
            float q = p[k] < 1e-7f ? 1e-7f : p[k];
            s->loss -= t[k] * logf(q) * (1.0f / B);
            dz[k] = (p[k] - t[k]) * (1.0f / B);
            d2[k] += dz[k];
            for (int j = 0; j < H; j++) g2[j * O + k] += h[j] * dz[k];
        }
        s->hits += ((p[0] < p[1]) == (t[0] < t[1])) * (1.0f / B);
        for (int j = 0; j < H; j++) {
            float dh = 0;
            for (int k = 0; k < O; k++) dh += dz[k] * s->w2[j * O + k];
            dh = h[j] > 0 ? dh : 0;
            d1[j] += dh;
            for (int i = 0; i < I; i++) g1[i * H + j] += a[i] * dh;
        }
    }
    update(s->w1, s->v1, g1, I * H);
    update(s->b1, s->c1, d1, H);
    update(s->w2, s->v2, g2, H * O);
    update(s->b2, s->c2, d2, O);
}

void epoch(state *s, const float *x, const float *y, const int32_t *order, int64_t steps) {
    for (int64_t i = 0; i < steps; i++) step(s, x, y, order + B * i);
}

void forward(const state *s, const float *x, float *out, int64_t rows) {
    for (int64_t r = 0; r < rows; r++) {
        float h[H], *p = out + O * r, most, sum = 0;
        for (int j = 0; j < H; j++) {
            float z = s->b1[j];
            for (int i = 0; i < I; i++) z += x[I * r + i] * s->w1[i * H + j];
            h[j] = z > 0 ? z : 0;
        }
        for (int k = 0; k < O; k++) {
            p[k] = s->b2[k];
            for (int j = 0; j < H; j++) p[k] += h[j] * s->w2[j * O + k];
        }
        most = p[0] > p[1] ? p[0] : p[1];
        for (int k = 0; k < O; k++) sum += p[k] = expf(p[k] - most);
        for (int k = 0; k < O; k++) p[k] /= sum;
    }
}

"use strict";

/** Student's t distribution, as `extras/inference/student.py` has it: an export says itself what is inside the noise. */
gitexp.student = (() => {
  const TINY = 1e-300;
  const CLOSE = 1e-15; // relative
  const MOST_TERMS = 10_000;
  // Lanczos' approximation of the gamma function, with g = 7 and nine terms.
  const TERMS = [0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059, 12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7];

  /** The p value of a two-sided test: the probability of a value as far from 0 as `t`, or farther. */
  function twoSided(t, dof) {
    if (!Number.isFinite(t)) return 0;
    return betaRatio(dof / 2, 0.5, dof / (dof + t * t));
  }

  /** The regularized incomplete beta function I_x(a, b). */
  function betaRatio(a, b, x) {
    if (x <= 0) return 0;
    if (x >= 1) return 1;
    const front = Math.exp(logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log1p(-x));
    if (x < (a + 1) / (a + b + 2)) return (front * fraction(a, b, x)) / a;
    return 1 - (front * fraction(b, a, 1 - x)) / b;
  }

  /** The continued fraction of the function, from its end by Lentz's method. */
  function fraction(a, b, x) {
    let c = 1;
    let d = 1 / notZero(1 - ((a + b) * x) / (a + 1));
    let value = d;
    for (let m = 1; m < MOST_TERMS; m++) {
      const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
      const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
      for (const term of [even, odd]) {
        d = 1 / notZero(1 + term * d);
        c = notZero(1 + term / c);
        value *= c * d;
      }
      if (Math.abs(c * d - 1) < CLOSE) break;
    }
    return value;
  }

  const notZero = (value) => (Math.abs(value) > TINY ? value : TINY);

  function logGamma(z) {
    if (z < 0.5) return Math.log(Math.PI / Math.sin(Math.PI * z)) - logGamma(1 - z);
    const sum = TERMS.reduce((found, term, at) => (at ? found + term / (z - 1 + at) : term), 0);
    const t = z + 6.5;
    return Math.log(2 * Math.PI) / 2 + (z - 0.5) * Math.log(t) - t + Math.log(sum);
  }

  return { twoSided };
})();

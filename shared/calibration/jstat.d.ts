declare module 'jstat' {
  const library: {
    jStat: {
      betaln(a: number, b: number): number;
      combinationln(n: number, m: number): number;
      beta: { inv(p: number, alpha: number, beta: number): number };
      chisquare: { inv(p: number, degreesOfFreedom: number): number };
      binomial: { cdf(successes: number, trials: number, p: number): number };
    };
  };
  export default library;
}

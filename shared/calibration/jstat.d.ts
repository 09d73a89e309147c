declare module 'jstat' {
  const library: {
    jStat: {
      chisquare: { inv(p: number, degreesOfFreedom: number): number };
      binomial: { cdf(successes: number, trials: number, p: number): number };
    };
  };
  export default library;
}

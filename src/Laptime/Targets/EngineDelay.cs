namespace Laptime.Targets;

/// <summary>Time that the place itself took in a rollout, as its own words and clocks show it: nothing that lap could do faster.</summary>
/// <param name="Kind">For programs: <c>network-drain</c>, <c>stop-grace</c>, <c>health-interval</c>, <c>one-by-one</c>, <c>update-monitor</c>, <c>leftover-address</c>.</param>
/// <param name="Owner">Whose time it is: "Docker Swarm".</param>
/// <param name="Seconds">How long, as observed. Delays may overlap: they do not add up.</param>
/// <param name="Waited">False: it goes on after the end of the deploy, which did not wait for it.</param>
/// <param name="What">Between what and what, in words.</param>
/// <param name="Setting">What removes it, as it is written in the compose file: <c>init: true</c>; null: nothing does.</param>
/// <param name="Mend">The same in words, with the value that holds now.</param>
public sealed record EngineDelay(string Kind, string Owner, double Seconds, bool Waited, string What, string? Setting, string Mend);

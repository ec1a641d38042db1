namespace Laptime.Targets.Registry;

/// <summary>What had to be done so that a registry serves.</summary>
public enum RegistryAction
{
    /// <summary>Nothing: it served.</summary>
    WasUp,

    /// <summary>It was started: none of this workspace had run.</summary>
    Started,

    /// <summary>The one that this workspace had started was dead or hung, and was started again with the same data.</summary>
    Recovered,

    /// <summary>It could not be asked: a proxy stands in between, which the store's own client goes through.</summary>
    NotAsked,
}

/// <summary>A registry that serves, and what it took: for the report, as a segment `wait` of kind `registry`.</summary>
/// <param name="Took">From the first question to the answer of a registry.</param>
/// <param name="Detail">In words, why: <c>its process 4711 had ended</c>; empty when there is nothing to tell.</param>
public sealed record RegistryState(RegistryAction Action, TimeSpan Took, string Detail)
{
    /// <summary>The action's name in reports: <c>was-up</c>, <c>started</c>, <c>recovered</c>, <c>not-asked</c>.</summary>
    public string Name => Action switch
    {
        RegistryAction.WasUp => "was-up",
        RegistryAction.Started => "started",
        RegistryAction.Recovered => "recovered",
        _ => "not-asked",
    };

    /// <summary>Something was done that a person should hear of.</summary>
    public bool IsNews => Action is RegistryAction.Started or RegistryAction.Recovered;
}

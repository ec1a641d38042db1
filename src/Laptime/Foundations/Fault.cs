namespace Laptime.Foundations;

/// <summary>
/// The world failed (a build step, the target, a probe): data, journalled and reported, with the last lines the failing thing printed.
/// </summary>
/// <param name="Outcome">What the transaction ends with because of it.</param>
/// <param name="What">What happened, in a sentence.</param>
/// <param name="Where">Component, segment, host or file.</param>
/// <param name="Mend">How to mend it.</param>
/// <param name="Tail">The last lines of output or log, secrets already redacted.</param>
public sealed record Fault(Outcome Outcome, string What, string? Where = null, string? Mend = null, IReadOnlyList<string>? Tail = null);

/// <summary>Carries a <see cref="Fault"/> up to the transaction that records it.</summary>
public class FaultException(Fault fault, Exception? inner = null) : Exception(fault.What, inner)
{
    public Fault Fault { get; } = fault;
}

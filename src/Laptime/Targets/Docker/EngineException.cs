using Laptime.Foundations;

namespace Laptime.Targets.Docker;

/// <summary>What kind of no the engine said.</summary>
public enum EngineError
{
    /// <summary>It said no for another reason; the message says which.</summary>
    Failed,

    /// <summary>Nobody answers at the endpoint, or the connection broke.</summary>
    Unreachable,

    /// <summary>It answers, but not within the call's bound.</summary>
    TimedOut,

    /// <summary>404: the object does not exist.</summary>
    NotFound,

    /// <summary>409: the name is taken, or the object is in a state that does not allow it.</summary>
    Conflict,

    /// <summary>400: the request is wrong.</summary>
    BadRequest,

    /// <summary>500 with "update out of sequence": somebody changed the service meanwhile; read it again and decide again.</summary>
    OutOfSequence,

    /// <summary>503: this node is not a swarm manager.</summary>
    NoSwarm,
}

/// <summary>The engine said no, or nothing: its own message, as a fault. Where nobody catches it the transaction ends as rollout-failed.</summary>
public sealed class EngineException : FaultException
{
    internal EngineException(EngineError error, int? status, string message, string? where, string? mend, Exception? inner = null)
        : base(new Fault(Outcome.RolloutFailed, message, where, mend), inner)
    {
        (Error, Status) = (error, status);
    }

    public EngineError Error { get; }

    /// <summary>The HTTP status; null when there was no answer.</summary>
    public int? Status { get; }
}

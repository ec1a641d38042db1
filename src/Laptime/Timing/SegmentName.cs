namespace Laptime.Timing;

/// <summary>How people call a segment: its name, and its kind where the name alone says too little.</summary>
public static class SegmentName
{
    /// <summary>Kind of a <c>build</c> that an earlier run did inside this interval: not free, but not done here either.</summary>
    public const string EarlierKind = "earlier";

    /// <summary>"wait (queue)", "build/compile of gateway", "build of gateway (earlier run)".</summary>
    public static string Of(string name, string? kind, string? component)
    {
        var of = component is null ? "" : $" of {component}";
        return kind == EarlierKind ? name + of + " (earlier run)" : Bare(name, kind) + of;
    }

    public static string Of(Segment segment) => Of(segment.Name, segment.Kind, segment.Component);

    /// <summary>Without the component.</summary>
    public static string Bare(string name, string? kind) => kind switch
    {
        EarlierKind => name + " (earlier run)",
        not null when SaysMore(name) => $"{name} ({kind})",
        _ => name,
    };

    /// <summary>There are several kinds of these in one transaction, and they are not the same thing.</summary>
    public static bool SaysMore(string name) => name is "wait" or "detect" or "lookup";
}

using System.Collections.Immutable;
using System.Reflection.Metadata;

namespace Laptime.Precompile;

/// <summary>A type as signatures name it.</summary>
internal abstract record Shape
{
    /// <summary>A type that an assembly defines, with the arguments it is made for.</summary>
    public sealed record Defined(Module Module, TypeDefinitionHandle Handle, ImmutableArray<Shape> Arguments) : Shape;

    public sealed record Primitive(PrimitiveTypeCode Code) : Shape;

    public sealed record Array(Shape Element) : Shape;

    public sealed record Reference(Shape Element) : Shape;

    public sealed record Pointer(Shape Element) : Shape;

    public sealed record Modified(Shape Modifier, Shape Element, bool IsRequired) : Shape;

    public sealed record TypeParameter(int Index) : Shape;

    public sealed record MethodParameter(int Index) : Shape;

    /// <summary>What no method to be listed has in its signature.</summary>
    public sealed record Unsupported : Shape;

    /// <summary>The same with arguments in place of a type's own parameters.</summary>
    public Shape With(ImmutableArray<Shape> arguments) => this switch
    {
        TypeParameter parameter => arguments[parameter.Index],
        Array array => new Array(array.Element.With(arguments)),
        Defined defined => defined with { Arguments = [.. defined.Arguments.Select(a => a.With(arguments))] },
        _ => this,
    };
}

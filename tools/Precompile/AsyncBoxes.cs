using System.Collections.Immutable;
using System.Reflection.Metadata;

namespace Laptime.Precompile;

/// <summary>
/// The objects that our async methods wait in. Of those whose result is a class the compiler makes none ahead: it meets them only in code that is shared by
/// all classes. They were half of what a deploy compiled while it ran.
/// </summary>
internal static class AsyncBoxes
{
    private const string Builder = "System.Runtime.CompilerServices.AsyncTaskMethodBuilder`1";
    private const string ValueBuilder = "System.Runtime.CompilerServices.AsyncValueTaskMethodBuilder`1";

    public static IEnumerable<Shape.Defined> Of(Assemblies assemblies)
    {
        foreach (var module in assemblies.Modules.Where(m => m.Name == "lap" || m.Name.StartsWith("Laptime", StringComparison.Ordinal)))
        {
            foreach (var handle in module.Metadata.TypeDefinitions)
            {
                if (ResultOf(assemblies, module, handle) is { } result)
                {
                    var arguments = ArgumentsOf(assemblies, module, handle);
                    yield return assemblies.Find(Builder + "+AsyncStateMachineBox`1", [result.With(arguments), new Shape.Defined(module, handle, arguments)])!;
                }
            }
        }
    }

    /// <summary>What the method of a state machine results in; null: the type is no state machine, or has no result.</summary>
    private static Shape? ResultOf(Assemblies assemblies, Module module, TypeDefinitionHandle handle)
    {
        foreach (var field in module.Metadata.GetTypeDefinition(handle).GetFields().Select(module.Metadata.GetFieldDefinition))
        {
            if (module.Metadata.GetString(field.Name) == "<>t__builder" && field.DecodeSignature(assemblies, module) is Shape.Defined { Arguments.Length: 1 } builder
                && builder.Module.NameOf(builder.Handle) is Builder or ValueBuilder)
            {
                return builder.Arguments[0];
            }
        }

        return null;
    }

    /// <summary>Code is shared by all classes: any that a parameter's constraint allows stands for them.</summary>
    private static ImmutableArray<Shape> ArgumentsOf(Assemblies assemblies, Module module, TypeDefinitionHandle handle) =>
    [
        .. module.Metadata.GetTypeDefinition(handle).GetGenericParameters().Select(module.Metadata.GetGenericParameter).Select(parameter =>
            parameter.GetConstraints().Select(c => module.Metadata.GetGenericParameterConstraint(c).Type).FirstOrDefault() is { IsNil: false } constraint
                ? constraint.Kind == HandleKind.TypeDefinition ? assemblies.GetTypeFromDefinition(module.Metadata, (TypeDefinitionHandle)constraint, 0)
                    : constraint.Kind == HandleKind.TypeReference ? assemblies.GetTypeFromReference(module.Metadata, (TypeReferenceHandle)constraint, 0)
                    : new Shape.Unsupported()
                : new Shape.Primitive(PrimitiveTypeCode.Object)),
    ];
}
